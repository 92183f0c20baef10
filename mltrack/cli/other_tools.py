"""What people type who come from DVC, and what it is called here."""

VERBS = {
    "artifacts": "artifacts are read past; tag the commit that holds the model",
    "cache": "`mltrack config cache.dir` and `mltrack cache share`",
    "data": "`mltrack status` says what differs",
    "destroy": "`git rm` the pointers and mltrack.yaml, and remove .mltrack",
    "experiments": "`mltrack exp`",
    "get-url": "`mltrack import URL` tracks it; `curl` and others copy it",
    "import-url": "`mltrack import URL`",
    "install": "`mltrack init` installs the hooks",
    "list": "`mltrack ls`",
    "machine": "`mltrack runner`",
    "queue": "`mltrack exp run --queue`, `exp start` and `exp status`",
    "root": "`git rev-parse --show-toplevel`",
    "run": "`mltrack stage add`, then `mltrack repro`",
    "unlock": "`mltrack unfreeze`",
    "lock": "`mltrack freeze`",
    "unprotect": "`mltrack edit`",
    "version": "`mltrack --version`, and `mltrack doctor`",
}
"""Verbs of `dvc` that are none here, and where what they do is found."""
