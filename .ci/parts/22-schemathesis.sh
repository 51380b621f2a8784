# schemathesis, in an environment of its own: what /openapi.json says is held against what the server answers.
folder=${XDG_CACHE_HOME:-$HOME/.cache}/gittrack-tests/schemathesis
if [ -x "$folder/bin/python" ]; then exit 0; fi
rm -rf "$folder.new"
python3 -m venv "$folder.new"
"$folder.new/bin/python" -m pip install -q --disable-pip-version-check 'schemathesis>=4,<5'
# Scripts of an environment name its folder, so that only its Python is used after the move.
mv "$folder.new" "$folder"
