# Builds a Docker image from the local Java and a folder of jars, for use where images cannot be pulled.
#   image.sh JDK_HOME JARS ROOT NAME      (ROOT: an empty folder to work in)
jdk=$1 jars=$2 root=$3 name=$4

mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/var/lib/cassandra"
chmod 1777 "$root/tmp"
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
cp -R "$jars" "$root/jars"
cp "$root"/jars/jamm-*.jar "$root/jamm.jar"
cp -L /bin/sh "$root/bin/sh"

# Distributions replace parts of a JDK by links, some of them dangling, so `cp` may report errors. The
# build fails below if Java does not start.
cp -RL "$jdk" "$root/jdk" 2>/dev/null || true
rm -rf "$root/jdk/jmods" "$root/jdk/lib/src.zip" "$root/jdk/man" "$root/jdk/docs"
"$root/jdk/bin/java" -version

# Copy the shared libraries that the shell and Java need, to the same paths.
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
