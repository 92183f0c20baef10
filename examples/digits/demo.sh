#!/bin/sh
# The whole job on real data. Makes DIR/digits (a project) and DIR/store (a remote), showing each command as it is typed.
# usage: demo.sh DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$1
started=$(date +%s)

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() { printf '\033[36m$ %s\033[0m\n' "$*"; sh -c "$*"; }

rm -rf "$top/digits" "$top/store"
mkdir -p "$top/digits"
cd "$top/digits"
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=Demo GIT_AUTHOR_EMAIL=demo@example.org
export GIT_COMMITTER_NAME=Demo GIT_COMMITTER_EMAIL=demo@example.org

say "A git repository with a few scripts becomes a project"
cp "$here"/*.py "$here"/*.yaml .
run "git init --quiet --initial-branch=main"
run "mltrack init"
run "mltrack remote add store ../store"

say "Real data goes into the cache; git gets two small pointers"
run "python export.py"
run "mltrack add data/images data/labels.csv"
run "cat data/images.mlt"
run "git add --all && git commit --quiet -m 'Digits, with their images'"

say "The pipeline, drawn and run"
run "mltrack dag"
run "mltrack repro"
run "mltrack metrics show"
run "git add --all && git commit --quiet -m 'First models' && git tag v1"
sha256sum data/labels.csv data/images/* work/*/* models/* report.md metrics.json >"$top/v1.sha256"

say "Nothing changed: nothing runs"
run "mltrack repro"

say "One param changes: what will run, and why?"
run "sed -i 's/depth: 6/depth: 12/' params.yaml"
run "mltrack why train_forest train_logistic evaluate"
run "mltrack repro"
run "mltrack params diff v1"
run "mltrack metrics diff v1"
run "git add --all && git commit --quiet -m 'Deeper trees' && git tag v2"
sha256sum data/labels.csv data/images/* work/*/* models/* report.md metrics.json >"$top/v2.sha256"

say "Both versions go to the remote"
run "mltrack push --rev v1 --rev v2"

say "The cache and every file that mltrack keeps are deleted"
run "rm -rf .mltrack/cache .mltrack/index data/images data/labels.csv work models report.md"
run "mltrack status" || true
say "... and everything comes back"
run "mltrack pull"
run "sha256sum --check --quiet ../v2.sha256 && echo 'every byte is what it was at v2'"

say "Data follows git checkout: another version is one command away"
run "mltrack fetch --rev v1"
run "git -c advice.detachedHead=false checkout --quiet v1"
run "sha256sum --check --quiet ../v1.sha256 && echo 'every byte is what it was at v1'"
run "git checkout --quiet main"
run "sha256sum --check --quiet ../v2.sha256 && echo '... and at v2 again'"
run "mltrack status"

say "Done in $(($(date +%s) - started)) s. The project is $top/digits; to play with it:"
cat <<END
  cd $top/digits && export PATH=$(dirname "$(command -v mltrack)"):\$PATH
  mltrack why                                # what would run, and why
  sed -i 's/c: 0.05/c: 1.0/' params.yaml     # change another param, then
  mltrack repro && mltrack metrics diff      # ... only its stages run
  rm data/images/0000.pgm && mltrack status  # lose a file,
  mltrack checkout                           # get it back
  mltrack diff v1 v2                         # which files differ between versions
END
