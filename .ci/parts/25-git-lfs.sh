# Git's large file storage, for repositories that keep artifacts there.
if ! command -v git-lfs >/dev/null; then
  "$(dirname "$0")/../install" git-lfs
fi
