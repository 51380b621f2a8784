# An image `local/python` out of this machine's own Python, C libraries, shell and tools: nothing is downloaded.
image=local/python
if docker image inspect "$image" >/dev/null 2>&1; then exit 0; fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mkdir -p "$root"/usr/{bin,sbin,lib,lib64,local/bin} "$root"/{etc/ssl,root,home,proc,sys,dev,mnt,opt,var/tmp,tmp}
chmod 1777 "$root"/tmp "$root"/var/tmp
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done

# A Python in somebody's home moves to where every user of the image may read it.
prefix=$(python3 -c 'import sys; print(sys.base_prefix)')
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
home=$prefix
case $prefix in /usr | /usr/local) ;; *) home=/usr/local ;; esac
library=$home/lib/python$version
mkdir -p "$root$home/bin" "$root$library"
cp -L "$prefix/bin/python$version" "$root$home/bin/"
ln -sf "python$version" "$root$home/bin/python3"
ln -sf "python$version" "$root$home/bin/python"
tar -C "$prefix/lib/python$version" -c --exclude=site-packages --exclude=dist-packages --exclude=EXTERNALLY-MANAGED \
  --exclude='./test' --exclude=__pycache__ --exclude='./config-*' --exclude=idlelib --exclude=lib2to3 --exclude='_tkinter*' . |
  tar -C "$root$library" -x
shared=("$prefix"/lib/libpython"$version"*.so*)
if [ -e "${shared[0]}" ] && [ "$prefix" != "$home" ]; then cp -a "${shared[@]}" "$root/usr/lib/"; fi

# pip, out of the wheel that comes with Python.
fresh=$(mktemp -d)
trap 'rm -rf "$root" "$fresh"' EXIT
python3 -m venv "$fresh"
if [ "$home" = /usr ]; then packages=/usr/local/lib/python$version/dist-packages; else packages=$library/site-packages; fi
mkdir -p "$root$packages"
cp -a "$fresh/lib/python$version/site-packages/." "$root$packages/"
find "$root$packages" -name __pycache__ -prune -exec rm -rf {} +
printf '#!/bin/sh\nexec python3 -m pip "$@"\n' >"$root/usr/local/bin/pip"
chmod 755 "$root/usr/local/bin/pip"

tools=()
for name in bash sh dash env cat ls cp mv rm mkdir rmdir ln sleep echo chmod chown grep sed awk date true false uname \
  hostname id tr head tail wc dirname basename tar gzip which touch test sha256sum sort uniq cut xargs find tee stat \
  mktemp readlink ps kill timeout nproc df du ldd ldconfig; do
  path=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin type -P "$name") && tools+=("$path")
done
needs() { { xargs -r ldd 2>/dev/null || true; } | awk '/=> \//{print $3} /^[ \t]*\/[^:]*$/{print $1}'; }
{
  { printf '%s\n' "${tools[@]}" "$prefix/bin/python$version"; find "$root$library/lib-dynload" -name '*.so'; } | needs | grep -v "^$prefix/lib/libpython"
  dpkg -L libc6 libgcc-s1 libstdc++6 libgomp1 2>/dev/null | grep -E '\.so(\.[0-9.]+)?$'
  printf '%s\n' "${tools[@]}" /etc/passwd /etc/group /etc/nsswitch.conf /etc/os-release /etc/debian_version
  find /usr/lib/locale/C.utf8 /etc/ssl/openssl.cnf /etc/ssl/certs/ca-certificates.crt /usr/share/zoneinfo/UTC -type f
} 2>/dev/null | sort -u | while read -r path; do if [ -f "$path" ]; then cp -L --parents "$path" "$root"; fi; done || true

certificates=/etc/ssl/certs/ca-certificates.crt
variables="PATH=$home/bin:/usr/local/bin:/usr/bin:/usr/sbin LANG=C.UTF-8 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1"
if [ -f "$root$certificates" ]; then
  mkdir -p "$root/usr/lib/ssl"
  ln -s "$certificates" "$root/usr/lib/ssl/cert.pem"
  variables="$variables PIP_CERT=$certificates SSL_CERT_FILE=$certificates REQUESTS_CA_BUNDLE=$certificates"
fi
tar -C "$root" --owner=0 --group=0 -c . | docker import -c "ENV $variables" -c 'CMD ["python3"]' - "$image" >/dev/null
docker run --rm --pull=never "$image" python3 -c 'import bz2, ctypes, hashlib, lzma, sqlite3, ssl, pip' >/dev/null
