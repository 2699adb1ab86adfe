#!/usr/bin/env bash
# Makes the Fashion-MNIST data files of inputs/ from the Debian package dataset-fashion-mnist, where they are not there:
#   tools/fashion_mnist.sh flat     build/data/fashion_mnist.h5, rows of 784 numbers, for perceptrons
#   tools/fashion_mnist.sh image    build/data/fashion_mnist_images.h5, [N, 28, 28, 1], for convolutions and attention
#   tools/fashion_mnist.sh rows     build/data/fashion_mnist_rows.h5, [N, 28, 28]: sequences of 28 rows, for recurrent ones
# FASHION_MNIST names the folder of the four files (train-images-idx3-ubyte.gz and so on) if they are elsewhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { echo "fashion_mnist: error: $*" >&2; exit 2; }

case ${1:-} in
  flat) data=build/data/fashion_mnist.h5 shape=flat ;;
  image) data=build/data/fashion_mnist_images.h5 shape=image ;;
  rows) data=build/data/fashion_mnist_rows.h5 shape=keep ;;
  *) fail "say flat, image or rows" ;;
esac
if [[ ! -e $data ]]; then
  python=build/python/bin/python
  [[ -x $python ]] || fail "$python is not there; tools/setup.sh makes it"
  images=$(dpkg -L dataset-fashion-mnist 2>/dev/null | grep '/train-images-idx3-ubyte' || true)
  folder=${FASHION_MNIST:-$(dirname "${images:-/}")}
  [[ -n $(compgen -G "$folder/train-images-idx3-ubyte*") ]] ||
    fail "Fashion-MNIST is not on this machine. Install the package dataset-fashion-mnist, or set FASHION_MNIST to the
folder with the four files (train-images-idx3-ubyte.gz and so on)."
  mkdir -p build/data
  "$python" tools/convert.py arrays "$data" --shape "$shape" \
    --class-names 'T-shirt,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot' \
    /train/images="$(compgen -G "$folder/train-images-idx3-ubyte*")" \
    /train/labels="$(compgen -G "$folder/train-labels-idx1-ubyte*")" \
    /test/images="$(compgen -G "$folder/t10k-images-idx3-ubyte*")" \
    /test/labels="$(compgen -G "$folder/t10k-labels-idx1-ubyte*")"
  if [[ $shape == flat ]]; then  # the points of inputs/limit_*.yaml
    "$python" tools/select_rows.py "$data" /train/labels /train/two_classes --classes 0 1 --each 64
    "$python" tools/select_rows.py "$data" /test/labels /test/two_classes --classes 0 1 --each 50
  fi
fi
echo "$data"
