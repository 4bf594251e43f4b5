set -e
cd /tmp/expo
git add -A packages docs designs benchmarks tests noxfile.py
git diff --cached --quiet || git -c user.name=x -c user.email=x@x commit -qm "$1"
git fetch -q
git -c user.name=x -c user.email=x@x rebase -q origin/main
git diff origin/main..HEAD > /tmp/expo.patch
FILES=$(git diff --name-only origin/main..HEAD)
cd /work/main
git apply --check /tmp/expo.patch
git apply /tmp/expo.patch
git add $FILES
git commit -qm "$1" -- $FILES
git log --oneline | head -1
cd /tmp/expo; git fetch -q; git reset -q --hard origin/main
