#!/usr/bin/env bash
# Makes the certificates of the tests in this folder, for a hundred years; they are kept, so that the tests
# need no openssl.
#
#   ca.pem             the authority of server.*, stranger.* and client.*
#   other-ca.pem       another one, of other-client.*
#   server.*           127.0.0.1 and localhost
#   stranger.*         elsewhere.example
#   client.*           a client's, oms-client
#   other-client.*     a client's of the other authority
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }
authority() { # NAME SUBJECT
  key "$work/$1.key"
  openssl req -x509 -new -key "$work/$1.key" -days 36500 -subj "/CN=$2" -out "$1.pem" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}
certificate() { # NAME SUBJECT AUTHORITY EXTENSION…
  local name=$1 subject=$2 authority=$3
  shift 3
  key "$name.key"
  printf '%s\n' 'basicConstraints=CA:FALSE' 'keyUsage=digitalSignature' "$@" >"$work/extensions"
  openssl req -new -key "$name.key" -subj "/CN=$subject" |
    openssl x509 -req -CA "$authority.pem" -CAkey "$work/$authority.key" -CAcreateserial \
      -CAserial "$work/serial" -days 36500 -extfile "$work/extensions" -out "$name.pem" 2>/dev/null
}
authority ca 'oms test authority'
authority other-ca 'another test authority'
certificate server localhost ca extendedKeyUsage=serverAuth 'subjectAltName=IP:127.0.0.1,DNS:localhost'
certificate stranger elsewhere.example ca extendedKeyUsage=serverAuth subjectAltName=DNS:elsewhere.example
certificate client oms-client ca extendedKeyUsage=clientAuth
certificate other-client oms-client other-ca extendedKeyUsage=clientAuth
