# Spark, Dask and Ray in an environment of their own, and the Java that Spark runs on.
folder=${XDG_CACHE_HOME:-$HOME/.cache}/gittrack-tests/engines

if ! command -v java >/dev/null; then
  "$(dirname "$0")/../install" openjdk-17-jre-headless
fi
[ -x "$folder/bin/python" ] && exit
rm -rf "$folder.new"
python3 -m venv "$folder.new"
"$folder.new/bin/python" -m pip install -q --disable-pip-version-check \
  'pyspark==4.1.0' 'pandas<3' pyarrow scikit-learn 'dask[distributed]' ray 'mlflow==3.17.2' \
  'typer>=0.26,<0.29' rich jsonschema cloudpickle waitress virtualenv
mv "$folder.new" "$folder"
