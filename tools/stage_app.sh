#!/bin/sh
# Lays the phone app out as `flet build` wants it: one folder with pyproject.toml and src/, holding app_flet, wire and the
# generated client. Usage: tools/stage_app.sh FOLDER (replaced if it exists).
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
target=${1:?"Name the folder to write, for example build/app."}
rm -rf -- "$target"
mkdir -p "$target"
cp "$root/app_flet/pyproject.toml" "$root/app_flet/README.md" "$target/"
cp -R "$root/app_flet/src" "$target/src"
cp -R "$root/wire" "$target/src/wire"
cp -R "$root/gen/halyard_client" "$target/src/halyard_client"
find "$target" -name __pycache__ -type d -prune -exec rm -rf {} +
echo "Staged in $target. Next: cd $target && flet build apk"
