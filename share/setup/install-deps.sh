#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs the Debian packages that cortune needs; the one place that names them.
#   share/setup/install-deps.sh [GROUP…]     groups: build (default), test, cluster, snakemake, cuda
#   share/setup/install-deps.sh --list [GROUP…]   only prints their names
# Works as root or with sudo, asks nothing, and does nothing where all is there.
set -euo pipefail

build=(
    g++ cmake ninja-build make pkg-config ccache
    libtorch-dev libgloo-dev libhdf5-dev libeigen3-dev libopenblas-dev
    nlohmann-json3-dev libfmt-dev libcli11-dev catch2
    libpng-dev libjpeg-dev libzip-dev nettle-dev zlib1g-dev libgiftiio-dev libnifti-dev libmatio-dev libcifti-dev
    gnuplot-nox
)
test=(
    python3 python3-numpy python3-scipy python3-sklearn python3-pil
    python3-torch python3-torchvision
    python3-h5py python3-xarray python3-h5netcdf
    python3-nibabel hdf5-tools mandoc time
)
cluster=(slurm-wlm munge)
snakemake=(snakemake)
cuda=(python3-venv python3-pip)
# For pip in a virtual environment: only --list knows these groups. Of the second nothing that they need is fetched.
python=('cmake>=3.30' nvidia-cusparselt-cu13 nvidia-nvshmem-cu13 nvidia-nccl-cu13 nvidia-cudnn-cu13 nvidia-cufile)
pytorch=(torch safetensors)

die() {
    echo "install-deps: error: $1" >&2
    echo "install-deps: hint: $2" >&2
    exit 1
}

list=0
if [ "${1:-}" = --list ]; then
    list=1
    shift
fi
[ $# -gt 0 ] || set -- build
wanted=()
for group in "$@"; do
    case $group in
        build) wanted+=("${build[@]}") ;;
        test) wanted+=("${test[@]}") ;;
        cluster) wanted+=("${cluster[@]}") ;;
        snakemake) wanted+=("${snakemake[@]}") ;;
        cuda) wanted+=("${cuda[@]}") ;;
        python | pytorch)
            [ $list = 1 ] || die "group $group is pip's" "--list $group prints it"
            declare -n names=$group
            wanted+=("${names[@]}")
            ;;
        *)
            echo "usage: install-deps.sh [--list] [build] [test] [cluster] [snakemake] [cuda]" >&2
            exit 2
            ;;
    esac
done
if [ $list = 1 ]; then
    printf '%s\n' "${wanted[@]}"
    exit
fi

command -v dpkg-query > /dev/null && command -v apt-get > /dev/null ||
    die "dpkg-query and apt-get were not found" \
        "this is for Debian 12 and its relatives; elsewhere install what corresponds to: ${wanted[*]}"

# One query for all. What is not installed has another status or is missing from the answer;
# a virtual package or one of another architecture counts by the names it is known under.
installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2> /dev/null |
    sed -n 's/^installed //p' || true)
missing=()
for package in "${wanted[@]}"; do
    grep -qxF -- "$package" <<< "$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo > /dev/null ||
        die "these packages are missing and this is neither root nor is there sudo: ${missing[*]}" \
            "ask whoever keeps this machine to install them"
    as_root=(sudo)
fi
echo "install-deps: installing ${missing[*]}"
run_apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q "$@"; }
# The package lists may be old, or empty on a fresh machine.
run_apt update || die "the package lists could not be fetched" "is the machine online?"
run_apt install -y --no-install-recommends "${missing[@]}" ||
    die "apt-get could not install them" "its own messages are above"
