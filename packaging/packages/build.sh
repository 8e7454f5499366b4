#!/usr/bin/env bash
# Makes dist/…tar.gz, .deb and .rpm of the bundle in dist/, and their checksums; the same bytes for the same bundle.
# usage: packaging/packages/build.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
sources=packaging/packages

name=aliyun-acr-credential-provider
[ -x "dist/$name/$name" ] || { echo "packages: dist/$name is not there: make build" >&2; exit 1; }
VERSION=$(sed -n 's/^VERSION = "\(.*\)"$/\1/p' provider/version.py)
ARCHITECTURE=$(dpkg --print-architecture)
# The time of the commit, which `make build` gave to every file.
SOURCE_DATE_EPOCH=$(stat -c %Y "dist/$name/$name")
STAGE=build/packages/$name-$VERSION-linux-$ARCHITECTURE
export ARCHITECTURE SOURCE_DATE_EPOCH STAGE VERSION LC_ALL=C
umask 022

nfpm=$($sources/tools/build.sh nfpm)

rm -rf build/packages dist/"$name"[-_]*.{deb,rpm,tar.gz} dist/packages-*.sha256
mkdir -p "$STAGE" build/packages/scripts
cp -RP "dist/$name" "$STAGE/bundle"
cp LICENSE docs/packages.md docs/node.md $sources/install.sh "$STAGE/"
for command in uninstall status; do
    ln -s install.sh "$STAGE/$command.sh"
done
find "$STAGE" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

for script in preinst postinst prerm postrm; do
    sed -e "/^# @wait-for-pulls@$/{r $sources/scripts/wait-for-pulls.sh" -e 'd}' "$sources/scripts/$script" |
        sed "s/@VERSION@/$VERSION/g" >build/packages/scripts/$script
done

tar --create --format=gnu --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --directory=build/packages "${STAGE##*/}" | gzip -9 --no-name >"dist/${STAGE##*/}.tar.gz"
for packager in deb rpm; do
    "$nfpm" package --config $sources/nfpm.yaml --packager $packager --target dist/ >/dev/null
done
(cd dist && sha256sum "$name"[-_]*.{deb,rpm,tar.gz} >"packages-$ARCHITECTURE.sha256")
(cd dist && du -h --apparent-size "$name"[-_]*.{deb,rpm,tar.gz}) | sed 's/^/packages: /'
