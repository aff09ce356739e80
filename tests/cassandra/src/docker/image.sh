# Makes a Docker image of this machine's Java and a folder of jars, for where nothing can be pulled.
#   image.sh JDK_HOME JARS ROOT NAME      (ROOT: an empty folder to work in)
jdk=$1 jars=$2 root=$3 name=$4

mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/var/lib/cassandra"
chmod 1777 "$root/tmp"
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
cp -R "$jars" "$root/jars"
cp "$root"/jars/jamm-*.jar "$root/jamm.jar"
cp -L /bin/sh "$root/bin/sh"

# Distributions link parts of a JDK to elsewhere, and some links lead nowhere: what counts is that
# Java starts in the end.
cp -RL "$jdk" "$root/jdk" 2>/dev/null || true
rm -rf "$root/jdk/jmods" "$root/jdk/lib/src.zip" "$root/jdk/man" "$root/jdk/docs"
"$root/jdk/bin/java" -version

# The shared libraries that these name, at the paths that they name them by.
find "$root/bin/sh" "$root/jdk/bin/java" "$root/jdk/lib" -type f \( -perm -u+x -o -name '*.so*' \) \
    -exec ldd {} + 2>/dev/null |
    awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\/.*\.so/ && $i !~ /:$/) print $i }' |
    sort -u |
    while read -r library; do
        case $library in "$root"/*) continue ;; esac
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done

tar -C "$root" -c . | docker import - "$name"
