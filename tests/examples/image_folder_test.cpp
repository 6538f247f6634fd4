// SPDX-License-Identifier: MIT
#include "../../examples/common/image_folder.hpp"

#include "examples/scratch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

TEST_CASE("a folder of images: classes by directory in order of their names, pictures in order of their paths") {
  const Scratch scratch;
  for (const char* name : {"root/tulip/b.JPG", "root/tulip/deep/a.png", "root/rose/2.jpeg", "root/rose/10.png", "root/rose/readme.txt", "root/notes.txt"})
    write_text(scratch / name, "no picture");
  const ImageFolder folder(scratch / "root");
  CHECK(folder.classes() == std::vector<std::string>{"rose", "tulip"});
  CHECK(folder.size() == 4);
  CHECK(error_of<FileError>([&] { folder.sample(0); }).find("rose/10.png is neither PNG nor JPEG") != std::string::npos);
  CHECK(error_of<FileError>([&] { folder.sample(3); }).find("tulip/deep/a.png") != std::string::npos);
  write_text(scratch / "root/empty/readme.txt", "");
  CHECK(error_of<FileError>([&] { ImageFolder(scratch / "root"); }).find("empty holds no .png, .jpg or .jpeg file") != std::string::npos);
  CHECK(error_of<FileError>([&] { ImageFolder(scratch / "root/notes.txt"); }).find("notes.txt is no directory") != std::string::npos);
  CHECK(error_of<FileError>([&] { ImageFolder(scratch / "root/rose"); }).find("holds no directory, expects one a class") != std::string::npos);
}
