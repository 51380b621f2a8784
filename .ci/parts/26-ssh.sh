# An SSH server's program; tests start one of their own, on loopback.
if ! [ -x /usr/sbin/sshd ]; then
  "$(dirname "$0")/../install" openssh-server openssh-client
fi
mkdir -p /run/sshd
