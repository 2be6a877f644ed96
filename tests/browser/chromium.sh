#!/bin/sh
# Print the path of a Chromium or Chrome that can be driven. Without --find, install Debian's when there is none.
set -eu

found() {
    if [ -n "${PROMPTFORGE_CHROMIUM:-}" ] && [ -x "${PROMPTFORGE_CHROMIUM}" ]; then
        echo "${PROMPTFORGE_CHROMIUM}"
        return 0
    fi
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" 2>/dev/null && return 0
    done
    for file in \
        "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}"/chromium-*/chrome-linux*/chrome \
        "$HOME"/Library/Caches/ms-playwright/chromium-*/chrome-mac*/*.app/Contents/MacOS/* \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
        "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
        if [ -x "$file" ]; then
            echo "$file"
            return 0
        fi
    done
    return 1
}

found && exit 0
[ "${1:-}" = "--find" ] && exit 1

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "browser tests: installing chromium" >&2
    if apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; then
        found && exit 0
    fi
fi

cat >&2 <<'SAY'
browser tests: no Chromium or Chrome was found, and it could not be installed.
Install one (Debian: apt-get install chromium; or .venv/bin/playwright install chromium),
or set PROMPTFORGE_CHROMIUM to the path of one, and run `make browser` again.
SAY
exit 1
