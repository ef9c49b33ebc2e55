#!/usr/bin/env bash
# Proposes upgraded locks: a folder with locks.patch and changes.txt becomes one pull request, kept up to date.
# By hand: GH_TOKEN=$(gh auth token) .github/propose-upgrade.sh FOLDER
set -euo pipefail

upgrade=$1
branch=upgrade-layers
title="Upgrade the packages in the layers"

if [ ! -s "$upgrade/locks.patch" ]; then
  echo "every lock is up to date"
  exit 0
fi

# Locks and nothing else, whatever the patch holds: this script's own file would be run on.
git apply --index --include='*.lock' "$upgrade/locks.patch"
git -c user.name="github-actions[bot]" -c user.email="41898282+github-actions[bot]@users.noreply.github.com" \
  commit --quiet --message "$title"
gh auth setup-git
git push --quiet --force origin "HEAD:refs/heads/$branch"

{
  printf 'Every package below was resolved again, hash-locked, audited and built.\n\n```text\n'
  cat "$upgrade/changes.txt"
  printf '\n```\n\nGitHub starts no workflow for what a workflow proposes: close and reopen this to have it previewed.\n'
} > "$upgrade/body.md"
if [ -n "$(gh pr list --head "$branch" --state open --json number --jq '.[].number')" ]; then
  gh pr edit "$branch" --title "$title" --body-file "$upgrade/body.md"
else
  gh pr create --head "$branch" --title "$title" --body-file "$upgrade/body.md" || {
    echo "the branch $branch is pushed, but its pull request could not be opened; under Settings, Actions, General, let" \
      "GitHub Actions create pull requests, or open it by hand"
    exit 1
  }
fi
