# A Chromium of the system, which the tests of the web pages drive.
command -v chromium >/dev/null && exit 0
"$(dirname "$0")/../install" chromium fonts-dejavu-core
