#!/usr/bin/env bash
# Makes the files of this folder again, with OpenSSL 3. The certificates are valid for 100 years, and
# only tests trust them. Run it in this folder.
set -eu
days=36500
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
names=subjectAltName=DNS:localhost,IP:127.0.0.1

# The certificate of a CA, as `openssl req -x509` makes it.
openssl req -x509 "${new_key[@]}" -keyout ca.key -out ca.pem -days $days -subj /CN=ca -addext $names

# A certificate without extensions. `openssl x509 -req` makes it an X.509 v1 certificate.
openssl req "${new_key[@]}" -keyout v1.key -out v1.csr -subj /CN=v1
openssl x509 -req -in v1.csr -CA ca.pem -CAkey ca.key -set_serial 1 -out v1.pem -days $days

# A valid certificate, whose key and certificate are stored in several formats.
openssl req "${new_key[@]}" -keyout good.key -out good.csr -subj /CN=good
openssl x509 -req -in good.csr -CA ca.pem -CAkey ca.key -set_serial 2 -out good.pem -days $days \
    -extfile <(echo "$names")
openssl x509 -in good.pem -outform DER -out good.der
openssl pkey -in good.key -outform DER -out good.key.der
{ openssl ecparam -name prime256v1; openssl pkey -in good.key -traditional; } > good.ec.key
openssl pkcs8 -topk8 -in good.key -out encrypted.key -passout pass:secret
openssl pkcs8 -topk8 -in good.key -outform DER -out encrypted.key.der -passout pass:secret
openssl ec -in good.key -aes128 -out encrypted.ec.key -passout pass:secret
openssl pkcs12 -export -in good.pem -inkey good.key -out good.p12 -passout pass:secret
openssl crl2pkcs7 -nocrl -certfile good.pem -out good.p7b
openssl crl2pkcs7 -nocrl -certfile good.pem -outform DER -out good.p7b.der
rm -f v1.csr
