# The libraries whose models are saved and loaded, each beside real MLflow: one environment, and one for TensorFlow.
home=${XDG_CACHE_HOME:-$HOME/.cache}/gittrack-tests
# Of libraries as large as these a test imports a small part, which is compiled then.
pip=(-m pip install -q --no-compile --disable-pip-version-check)

make() { # NAME REQUIREMENT...
  local folder=$home/$1
  shift
  [ -x "$folder/bin/python" ] && return
  rm -rf "$folder.new"
  python3 -m venv "$folder.new"
  "$folder.new/bin/python" "${pip[@]}" "$@"
  # Scripts of an environment name its folder, so that only its Python is used after the move.
  mv "$folder.new" "$folder"
}

make flavors 'mlflow==3.17.2' scikit-learn skops typer jsonschema waitress \
  xgboost-cpu lightgbm catboost statsmodels onnx onnxruntime skl2onnx 'torch==2.13.0' transformers
make tensorflow 'mlflow==3.17.2' 'tensorflow-cpu>=2.18' typer jsonschema
