// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "data_choice.hpp"
#include "image_folder.hpp"
#include "recipe.hpp"
#include "zoo_model.hpp"

namespace tapestry::examples {

/// Any of the sets of images behind one type, so that the rest is compiled once. Copies share it.
class AnyDataset {
 public:
  template <Dataset D>
  explicit AnyDataset(D dataset)
      : size_(dataset.size()), sample_([dataset = std::move(dataset)](Index i, SampleRandom& random) { return tapestry::detail::sample_of(dataset, i, random); }) {}
  Index size() const { return size_; }
  Sample sample(Index i, SampleRandom& random) const { return sample_(i, random); }

 private:
  Index size_;
  std::function<Sample(Index, SampleRandom&)> sample_;
};

/// Images to teach a network, and how they are prepared for it.
struct LabelledImages {
  AnyDataset images;
  std::vector<std::string> classes;
  std::string description;  ///< one line for the user
  std::string fingerprint;  ///< tells one set of images from another; of a folder by its pictures' names and sizes
  ImagePreparation preparation;
};

namespace detail {
/// FNV-1a over every picture's place below the folder and its size.
inline std::string fingerprint(const ImageFolder& folder, const std::filesystem::path& root) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (Index i = 0; i < folder.size(); ++i)
    for (const char c : message(folder.picture(i).lexically_relative(root).generic_string(), '\n', std::filesystem::file_size(folder.picture(i)), '\n'))
      hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3u;
  return message("folder ", hash);
}
}  // namespace detail

/// The images of `data`: a folder with a directory a class, or one with CIFAR-10's binary version; the embedded set if `data` is empty.
///
/// - `limit`: that many images at most, 0 for all, a negative number for all or, of the embedded set, 2000.
/// - `size`: the edge of the images as the network shall see them; 0 for 224, of the embedded set 64. A folder's pictures are scaled a little
///   larger and their middle is cut out, as torchvision does; the small square ones are scaled to it.
///
/// Throws   FileError if they cannot be read.
inline LabelledImages find_labelled_images(const std::string& data, Index limit, Index size) {
  ImagePreparation preparation;
  const auto square = [&](Index otherwise) { preparation.resize = preparation.crop = size > 0 ? size : otherwise; };
  if (data.empty()) {
    const Index count = limit > 0 ? limit : limit < 0 ? 2000 : static_cast<Index>(embedded_train_count);
    Cifar10 drawn = make_embedded_dataset(static_cast<std::size_t>(count));
    square(64);
    std::vector<std::string> classes = drawn.classes;
    return {AnyDataset(image_dataset(std::move(drawn))), std::move(classes),
            message("the embedded set, ", count, " images drawn by this program. These are no photographs; name some by --data"), message("embedded ", count),
            preparation};
  }
  if (has_cifar10_train(data)) {
    Cifar10 cifar = read_cifar10_train(data);
    square(224);
    std::vector<std::string> classes = cifar.classes;
    const std::string print = message("cifar10 ", fingerprint(cifar));
    ImageDataset images = image_dataset(std::move(cifar), static_cast<std::size_t>(std::max<Index>(limit, 0)));
    const Index count = images.size();
    return {AnyDataset(std::move(images)), std::move(classes), message("CIFAR-10, ", count, " images from ", data), print, preparation};
  }
  const ImageFolder folder(data);
  preparation.crop = size > 0 ? size : 224;
  preparation.resize = preparation.crop * 256 / 224;
  const std::string text = message(folder.size(), " images of ", folder.classes().size(), " classes from ", data);
  const std::string print = detail::fingerprint(folder, data);
  if (limit <= 0 || limit >= folder.size()) return {AnyDataset(folder), folder.classes(), text, print, preparation};
  std::vector<Index> some = randperm(folder.size()).to_vector();
  some.resize(static_cast<std::size_t>(limit));
  return {AnyDataset(Subset(folder, std::move(some))), folder.classes(), message(limit, " of ", text), print, preparation};
}

}  // namespace tapestry::examples
