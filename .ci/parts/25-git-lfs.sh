# Git's large file storage, for repositories that keep artifacts there.
if ! command -v git-lfs >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends git-lfs >/dev/null
fi
