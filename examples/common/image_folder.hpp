// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/data/dataset.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "image_file.hpp"

namespace tapestry::examples {

/// Pictures in a directory that has one directory a class: `flowers/rose/1.jpg` is a rose. Classes are numbered in the order of their names,
/// pictures in the order of their paths; what is neither .png nor .jpg or .jpeg is passed over. A picture is read when it is asked for.
///
/// Throws   FileError if the directory cannot be read or holds no class with a picture.
/// Source   torchvision.datasets.ImageFolder.
class ImageFolder {
 public:
  explicit ImageFolder(const std::filesystem::path& root) {
    namespace fs = std::filesystem;
    if (!fs::is_directory(root)) throw FileError(message("images: ", root.string(), " is no directory, expects one with a directory a class"));
    auto listing = std::make_shared<Listing>();
    std::vector<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(root))
      if (entry.is_directory()) folders.push_back(entry.path());
    std::sort(folders.begin(), folders.end());
    for (const fs::path& folder : folders) {
      std::vector<fs::path> pictures;
      for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file() && is_picture(entry.path())) pictures.push_back(entry.path());
      if (pictures.empty()) throw FileError(message("images: ", folder.string(), " holds no .png, .jpg or .jpeg file"));
      std::sort(pictures.begin(), pictures.end());
      for (fs::path& picture : pictures) {
        listing->labels.push_back(static_cast<Index>(listing->classes.size()));
        listing->pictures.push_back(std::move(picture));
      }
      listing->classes.push_back(folder.filename().string());
    }
    if (listing->classes.empty()) throw FileError(message("images: ", root.string(), " holds no directory, expects one a class"));
    listing_ = std::move(listing);
  }

  Index size() const { return static_cast<Index>(listing_->pictures.size()); }
  Sample sample(Index i) const {
    const auto at = static_cast<std::size_t>(i);
    return {read_image(listing_->pictures.at(at)), listing_->labels.at(at)};
  }
  const std::filesystem::path& picture(Index i) const { return listing_->pictures.at(static_cast<std::size_t>(i)); }
  const std::vector<std::string>& classes() const { return listing_->classes; }

 private:
  static bool is_picture(const std::filesystem::path& path) {
    std::string suffix = path.extension().string();
    for (char& c : suffix) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return suffix == ".png" || suffix == ".jpg" || suffix == ".jpeg";
  }
  struct Listing {
    std::vector<std::filesystem::path> pictures;
    std::vector<Index> labels;
    std::vector<std::string> classes;
  };
  std::shared_ptr<const Listing> listing_;
};

}  // namespace tapestry::examples
