// SPDX-License-Identifier: MIT
// What did a network learn? Draws the filters of its first layer, what each layer makes of a picture, and the pictures that excite a filter most,
// and tells for each layer how many parameters it has and how much of the picture one of its numbers sees.
//
// Nothing here knows how the network is built: trace_layers() watches it at work.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "common/download.hpp"
#include "common/embedded_dataset.hpp"
#include "common/image_file.hpp"
#include "common/layer_trace.hpp"
#include "common/png_file.hpp"
#include "common/saved_model.hpp"
#include "common/svg_drawing.hpp"
#include "common/tensor_image.hpp"
#include "common/zoo_model.hpp"

namespace fs = std::filesystem;

namespace tapestry::examples {

/// A network and what it takes.
struct Subject {
  std::unique_ptr<Layer<>> net;
  std::vector<std::string> classes;
  std::string data;                             ///< "cifar10", "embedded", or empty where the trainer's sets do not suit it
  Index resize = 32, side = 32;                 ///< the smaller edge is scaled to the one, then a square of the other is cut out
  std::array<float, 3> mean{0, 0, 0}, deviation{1, 1, 1};  ///< of each channel, taken from bytes / 255

  Image fit(Image image) const {
    if (image.height == side && image.width == side) return image;
    return CenterCrop(side)(Resize(resize)(std::move(image)));
  }
  /// [N, 3, side, side] from images that fit.
  Tensor<> input(const std::vector<Image>& images) const {
    Tensor<> x({static_cast<Index>(images.size()), 3, side, side}, Layout::channels_last);
    float* out = x.mutable_data();
    for (const Image& image : images)
      for (std::size_t i = 0; i < image.pixels.size(); ++i) *out++ = (static_cast<float>(image.pixels[i]) / 255 - mean[i % 3]) / deviation[i % 3];
    return x;
  }
  std::string class_name(Index i) const { return i < static_cast<Index>(classes.size()) ? classes[static_cast<std::size_t>(i)] : message("class ", i); }
};

/// A model of the zoo if one is named or the file tells one, else a network that cifar10_train trained.
Subject load_subject(const ZooChoice& choice) {
  Subject subject;
  if (choice.model.empty()) {
    SavedModel saved = load_model(choice.weights);
    subject.net = std::make_unique<Sequential<>>(std::move(saved.net));
    subject.classes = std::move(saved.classes);
    subject.data = std::move(saved.data);
    return subject;
  }
  ZooModel zoo = load_zoo_model(choice);
  subject.net = std::move(zoo.net);
  subject.classes = std::move(zoo.classes);
  if (is_cifar_resnet(choice.model)) subject.data = "cifar10";
  subject.resize = zoo.preparation.resize, subject.side = zoo.preparation.crop;
  std::copy_n(zoo.preparation.mean.begin(), 3, subject.mean.begin());
  std::copy_n(zoo.preparation.std.begin(), 3, subject.deviation.begin());
  return subject;
}

/// Pictures to look for what excites a filter, with what they are.
struct Gallery {
  std::vector<Image> images;
  std::vector<std::string> captions;
  std::string description;
};

Gallery read_folder(const Subject& subject, const fs::path& folder, Index limit) {
  Gallery gallery;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::string ending = entry.path().extension().string();
    for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (entry.is_regular_file() && (ending == ".png" || ending == ".jpg" || ending == ".jpeg")) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  if (paths.empty()) throw FileError(message("--images: ", folder.string(), " holds no PNG or JPEG file"));
  for (const auto& path : paths) {
    if (static_cast<Index>(gallery.images.size()) == limit) break;
    gallery.images.push_back(subject.fit(read_image(path)));
    gallery.captions.push_back(path.stem().string().substr(0, 10));
  }
  gallery.description = message(gallery.images.size(), " pictures of ", folder.string());
  return gallery;
}

/// CIFAR-10's test images in the folder, else its last training images; nothing if it holds neither.
std::optional<fs::path> find_cifar10_file(const fs::path& folder) {
  for (const char* name : {"test_batch.bin", "data_batch_5.bin"})
    for (const fs::path& place : {folder, folder / cifar10_directory_name})
      if (fs::exists(place / name)) return place / name;
  return std::nullopt;
}

/// The first images of `data` if given, else of a set that suits what the network was trained on; none if there is no such set.
Gallery read_images(const Subject& subject, const std::string& data, Index limit) {
  Gallery gallery;
  Cifar10 set;
  if (data.empty() && subject.data == "embedded") {
    set = make_embedded_dataset(static_cast<std::size_t>(std::min<Index>(limit, embedded_test_count)), embedded_seed, embedded_train_count);
    gallery.description = "test images of the embedded set";
  } else if (!data.empty() || subject.data == "cifar10") {
    const auto file = find_cifar10_file(data.empty() ? cifar10_cache_directory() : fs::path(data));
    if (!file && data.empty()) return gallery;
    if (!file) throw FileError(message("--data: ", data, " holds neither test_batch.bin nor data_batch_5.bin"));
    set = read_cifar10_file(*file);
    gallery.description = file->filename() == "test_batch.bin" ? "test images of CIFAR-10" : "training images of CIFAR-10";
  }
  for (std::size_t i = 0; i < set.size() && static_cast<Index>(i) < limit; ++i) {
    gallery.images.push_back(subject.fit(Image{32, 32, 3, std::vector<std::uint8_t>(set.image(i), set.image(i) + cifar10_image_bytes)}));
    gallery.captions.push_back(set.classes[set.labels[i]]);
  }
  gallery.description = message(gallery.images.size(), " ", gallery.description);
  return gallery;
}

/// A number of about three digits.
std::string rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, std::abs(value) >= 1e5 ? "%.1e" : std::abs(value) >= 100 ? "%.0f" : std::abs(value) >= 10 ? "%.1f" : "%.2f", value);
  return std::string_view(text) == "-0.00" ? "0.00" : text;
}

const TextStyle heading{.size = 17, .anchor = "start", .bold = true}, note{.anchor = "start", .fill = colour::soft};

/// The filters of the first convolution: those over three channels in colour, others slice by slice.
SvgDrawing draw_filters(const TracedLayer& layer) {
  const Tensor<>& weight = dynamic_cast<Conv2d<>&>(*layer.module).weight;
  const bool colours = weight.dim(1) == 3;
  const Index filters = std::min<Index>(weight.dim(0), colours ? 256 : 32), slices = colours ? 1 : std::min<Index>(weight.dim(1), 12);
  const Index longer = std::max(weight.dim(2), weight.dim(3)), zoom = std::max<Index>(1, 48 / longer);
  const double cell = static_cast<double>(std::max<Index>(longer * zoom, 30)) + 16, line = cell + 12;
  const Index columns = colours ? std::max<Index>(1, static_cast<Index>(820 / cell)) : slices, rows = (filters * slices + columns - 1) / columns;
  SvgDrawing drawing(860, 74 + line * static_cast<double>(rows), message("Filters of ", layer.name));
  drawing.text(20, 28, message("Filters of layer ", layer.name, " (", layer.type, "), weight ", weight.shape()), heading);
  drawing.text(20, 50, colours ? "Each over red, green and blue at once. Grey is weight 0; brightness is relative to the filter's largest weight."
                               : "A filter a row, a slice for each channel. Orange is positive, blue negative, white 0.", note);
  for (Index n = 0; n < filters * slices; ++n) {
    const double x = 20 + cell * static_cast<double>(n % columns), y = 68 + line * static_cast<double>(n / columns);
    const Image pixels = filter_image(weight, n / slices, n % slices);
    drawing.image(x, y, pixels, zoom);
    drawing.box(x, y, static_cast<double>(pixels.width * zoom), static_cast<double>(pixels.height * zoom), {.stroke = colour::line});
    if (n % slices == 0) drawing.text(x, y + static_cast<double>(pixels.height * zoom) + 14, message(n / slices), {.size = 12, .anchor = "start", .fill = colour::soft});
  }
  return drawing;
}

/// Of each layer whose output is an image: leaves, or in a large network the model's own parts.
std::vector<const TracedLayer*> layers_to_draw(const std::vector<TracedLayer>& layers) {
  std::vector<const TracedLayer*> leaves, parts;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const TracedLayer& layer = layers[i];
    if (layer.output.rank() != 4) continue;
    bool same = false;  // a dropout at rest, an Identity
    for (std::size_t k = 0; k < i; ++k) same = same || (layers[k].leaf && layer.leaf && layers[k].output.handle() == layer.output.handle());
    if (layer.leaf && !same) leaves.push_back(&layer);
    if (layer.depth == 1) parts.push_back(&layer);
  }
  return leaves.size() <= 30 || parts.empty() ? leaves : parts;
}

/// What each layer makes of one picture, and at the end the classes that it is taken for.
SvgDrawing draw_feature_maps(const Subject& subject, const std::vector<TracedLayer>& layers, const Image& picture, Index most) {
  const auto shown = layers_to_draw(layers);
  const double line = 92, label = 190;
  SvgDrawing drawing(860, 190 + line * static_cast<double>(shown.size()), "Feature maps layer by layer");
  drawing.text(20, 28, "What each layer makes of a picture", heading);
  drawing.text(20, 50, message("Of each layer the first ", most, " channels; black is a map's smallest number, white its largest, which stands below."), note);
  const Image small = fitted(picture, 96);
  const Index picture_zoom = std::max<Index>(1, 96 / std::max(small.height, small.width));
  drawing.image(20, 66, small, picture_zoom);
  const Tensor<>& scores = layers.front().output;  // the model's own
  if (scores.rank() == 2) {
    const auto [values, positions] = topk(softmax(scores, 1), std::min<Index>(5, scores.dim(1)));
    for (Index k = 0; k < values.dim(1); ++k) {
      const double share = static_cast<double>(values.at(0, k)), y = 80 + 19 * static_cast<double>(k);
      drawing.text(290, y, subject.class_name(positions.at(0, k)).substr(0, 24), {.anchor = "end"});
      drawing.box(300, y - 11, std::max(1.0, 300 * share), 13, {.fill = colour::blue});
      drawing.text(308 + 300 * share, y, message(rounded(100 * share), "%"), note);
    }
  }
  for (std::size_t n = 0; n < shown.size(); ++n) {
    const TracedLayer& layer = *shown[n];
    const double y = 182 + line * static_cast<double>(n);
    drawing.text(20, y + 14, layer.name.substr(0, 20), {.anchor = "start", .bold = true});
    drawing.text(20, y + 32, layer.type.substr(0, 22), note);
    drawing.text(20, y + 50, message(layer.output.dim(1), " maps of ", layer.output.dim(2), " × ", layer.output.dim(3)), note);
    if (layer.field)
      drawing.text(20, y + 68, layer.field->whole ? "sees all" : message("sees ", layer.field->estimated ? "~ " : "", layer.field->rows.size, " × ", layer.field->columns.size), note);
    for (Index c = 0; c < std::min(most, layer.output.dim(1)); ++c) {
      const Image map = fitted(map_image(layer.output, 0, c), 64);
      const Index zoom = std::max<Index>(1, 64 / std::max(map.height, map.width));
      const double x = label + 20 + 80 * static_cast<double>(c);
      float largest = layer.output.at(0, c, 0, 0);
      for (Index i = 0; i < layer.output.dim(2); ++i)
        for (Index j = 0; j < layer.output.dim(3); ++j) largest = std::max(largest, layer.output.at(0, c, i, j));
      drawing.image(x, y, map, zoom);
      drawing.box(x, y, static_cast<double>(map.width * zoom), static_cast<double>(map.height * zoom), {.stroke = colour::line});
      drawing.text(x, y + 78, rounded(static_cast<double>(largest)), {.size = 12, .anchor = "start", .fill = colour::soft});
    }
  }
  return drawing;
}

/// All maps of each layer that draw_feature_maps shows some of, a PNG a layer, pixel by pixel.
void write_map_sheets(const fs::path& folder, const std::vector<TracedLayer>& layers) {
  fs::create_directories(folder);
  for (const TracedLayer* layer : layers_to_draw(layers)) {
    std::vector<Image> maps;
    for (Index c = 0; c < layer->output.dim(1); ++c) maps.push_back(map_image(layer->output, 0, c));
    const Index columns = static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(maps.size()))));
    write_png(folder / message(layer->name, "_", layer->type, ".png"), enlarged(contact_sheet(maps, columns), std::max<Index>(1, 64 / maps.front().width)));
  }
}

/// Where a filter answered most, over all pictures.
struct Answer {
  float value;
  std::size_t image;
  Index row, column;
};

/// The strongest answers of each of the filters, one a picture.
std::vector<std::vector<Answer>> strongest_answers(Subject& subject, const Gallery& gallery, std::size_t layer, const std::vector<Index>& filters, std::size_t most) {
  // All layers' outputs are held at once: of an image of 224 pixels, some 50 MB.
  const auto batch = static_cast<std::size_t>(std::clamp<Index>(50 * 32 * 32 / (subject.side * subject.side), 1, 50));
  std::vector<std::vector<Answer>> answers(filters.size());
  for (std::size_t first = 0; first < gallery.images.size(); first += batch) {
    const auto begin = gallery.images.begin() + static_cast<std::ptrdiff_t>(first);
    const std::size_t count = std::min(batch, gallery.images.size() - first);
    const std::vector<Image> images(begin, begin + static_cast<std::ptrdiff_t>(count));
    const Tensor<> maps = trace_layers(*subject.net, subject.input(images))[layer].output;
    for (std::size_t n = 0; n < count; ++n)
      for (std::size_t f = 0; f < filters.size(); ++f) {
        Answer best{-std::numeric_limits<float>::infinity(), first + n, 0, 0};
        for (Index i = 0; i < maps.dim(2); ++i)
          for (Index j = 0; j < maps.dim(3); ++j)
            if (const float value = maps.at(static_cast<Index>(n), filters[f], i, j); value > best.value) best.value = value, best.row = i, best.column = j;
        answers[f].push_back(best);
      }
  }
  for (auto& list : answers) {
    std::stable_sort(list.begin(), list.end(), [](const Answer& a, const Answer& b) { return a.value > b.value; });
    list.resize(std::min(most, list.size()));
  }
  return answers;
}

/// Filters down, the pictures that excite them most across; framed is the part of the picture that the strongest answer comes from.
SvgDrawing draw_exciting(const Gallery& gallery, const TracedLayer& layer, const std::vector<Index>& filters, const std::vector<std::vector<Answer>>& answers) {
  const double line = 108;
  SvgDrawing drawing(860, 70 + line * static_cast<double>(filters.size()), message("What excites filters of layer ", layer.name));
  drawing.text(20, 28, message("What excites filters of layer ", layer.name, " (", layer.type, ") most"), heading);
  drawing.text(20, 50, message("Among ", gallery.description.size() > 60 ? message(gallery.images.size(), " pictures") : gallery.description,
                               layer.field && !layer.field->whole ? "; framed is what the strongest answer, which stands below, has seen." : "."), note);
  for (std::size_t f = 0; f < filters.size(); ++f) {
    const double y = 68 + line * static_cast<double>(f);
    drawing.text(20, y + 38, message("filter ", filters[f]), {.anchor = "start", .bold = true});
    for (std::size_t k = 0; k < answers[f].size(); ++k) {
      const Answer& answer = answers[f][k];
      const Image& full = gallery.images[answer.image];
      const Image picture = fitted(full, 72);
      const Index zoom = std::max<Index>(1, 72 / std::max(picture.height, picture.width));
      const double x = 96 + 84 * static_cast<double>(k), width = static_cast<double>(picture.width * zoom), height = static_cast<double>(picture.height * zoom);
      drawing.image(x, y, picture, zoom);
      if (layer.field && !layer.field->whole) {
        const auto frame = [](const Extent& extent, Index at, Index size, double length) {  // within the picture, in pixels of the drawing
          const double first = std::max(0.0, extent.start + static_cast<double>(at) * extent.step);
          const double last = std::min(static_cast<double>(size), extent.start + static_cast<double>(at) * extent.step + extent.size);
          return std::pair(first * length / static_cast<double>(size), std::max(0.0, last - first) * length / static_cast<double>(size));
        };
        const auto [top, tall] = frame(layer.field->rows, answer.row, full.height, height);
        const auto [left, wide] = frame(layer.field->columns, answer.column, full.width, width);
        drawing.box(x + left, y + top, wide, tall, {.stroke = "#ffffff", .width = 3.5});
        drawing.box(x + left, y + top, wide, tall, {.stroke = colour::orange, .width = 1.8});
      }
      drawing.text(x, y + height + 14, rounded(static_cast<double>(answer.value)), {.size = 12, .anchor = "start"});
      drawing.text(x, y + height + 27, gallery.captions[answer.image], {.size = 11, .anchor = "start", .fill = colour::soft});
    }
  }
  return drawing;
}

int main(int argc, char** argv) {
  CLI::App app("Looks into a network: filters, feature maps, what excites a filter, receptive fields.", "look_inside");
  ZooChoice choice;
  std::string picture_path, out, layer_name, data, folder;
  std::vector<Index> filters;
  Index limit = 0, most_maps = 8;
  bool offline = false;
  app.add_option("--model", choice.model, "a model of the zoo, as resnet18; left out for a network that cifar10_train or finetune trained");
  app.add_option("--weights,--checkpoint", choice.weights,
                 "of the model: a file (.pth, .safetensors, .npz), imagenet_v1 or imagenet_v2; without, imagenet_v1 from the cache or downloaded. Of the "
                 "trainer: best.safetensors, last.safetensors, or the folder with them");
  app.add_option("--labels", choice.labels, "a file with the name of a class a line");
  app.add_flag("--transform-input", choice.transform_input, "of inception_v3 with weights from a file: undo ImageNet's normalisation first");
  app.add_flag("--offline", offline, "download nothing");
  app.add_option("--out", out, "folder for the pictures; by default 'inside' beside the weights, 'inside-MODEL' here for those of the cache");
  app.add_option("--layer", layer_name, "whose filters are to be excited, by its name in the table; by default the last convolution");
  app.add_option("--filter", filters, "which filters; may be given several times; by default the first six")->check(CLI::NonNegativeNumber);
  auto* set_option = app.add_option("--data", data, "folder with test_batch.bin or data_batch_5.bin; by default the cache folder, or the embedded set if that was trained on");
  app.add_option("--images", folder, "instead: a folder of PNG and JPEG files")->excludes(set_option);
  app.add_option("--limit", limit, "how many of the data's images are looked at; by default 2000 of 32 pixels, 100 of more")->check(CLI::PositiveNumber);
  app.add_option("--maps", most_maps, "how many channels of each layer are drawn")->check(CLI::Range(1, 8))->capture_default_str();
  app.add_option("image", picture_path, "a PNG or JPEG file whose feature maps are drawn; by default the data's first image");
  CLI11_PARSE(app, argc, argv);

  if (choice.model.empty() && choice.weights.empty()) throw ValueError("--model: a name is needed, or --weights with a checkpoint of cifar10_train");
  choice.download = !offline;
  adopt_model(choice);
  Subject subject = load_subject(choice);
  const fs::path weights = choice.weights;
  const fs::path folder_out = !out.empty()             ? fs::path(out)
                              : !fs::exists(weights)   ? fs::path("inside-" + choice.model)
                              : fs::is_directory(weights) ? weights / "inside"
                                                       : weights.parent_path() / "inside";
  if (limit == 0) limit = subject.side <= 32 ? 2000 : 100;
  const Gallery gallery = folder.empty() ? read_images(subject, data, limit) : read_folder(subject, folder, limit);
  const bool has_picture = !picture_path.empty() || !gallery.images.empty();
  const Image picture = !picture_path.empty()      ? subject.fit(read_image(picture_path))
                        : !gallery.images.empty() ? gallery.images.front()
                                                  : Image{subject.side, subject.side, 3, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * subject.side * subject.side), 128)};
  const std::vector<TracedLayer> layers = trace_layers(*subject.net, subject.input({picture}));
  std::printf("%s", to_table(layers).c_str());

  // Which layer's filters are to be excited?
  std::size_t chosen = layers.size(), first_conv = layers.size();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const bool conv = dynamic_cast<Conv2d<>*>(layers[i].module) != nullptr;
    if (conv && first_conv == layers.size()) first_conv = i;
    if (layer_name.empty() ? conv : layers[i].name == layer_name) chosen = i;
  }
  if (chosen == layers.size() || layers[chosen].output.rank() != 4)
    throw ValueError(message("--layer: must name a layer of the table above whose output is [N, C, H, W], got '", layer_name, "'"));
  const Index channels = layers[chosen].output.dim(1);
  if (filters.empty())
    for (Index f = 0; f < std::min<Index>(6, channels); ++f) filters.push_back(f);
  for (Index filter : filters)
    if (filter >= channels) throw ValueError(message("--filter: layer ", layers[chosen].name, " has filters 0 to ", channels - 1, ", got ", filter));

  fs::create_directories(folder_out);
  const auto save = [&](const SvgDrawing& drawing, const char* name) {
    drawing.save(folder_out / name);
    std::printf("%s\n", (folder_out / name).c_str());
  };
  std::printf("\n");
  if (first_conv < layers.size()) save(draw_filters(layers[first_conv]), "filters.svg");
  if (has_picture) {
    save(draw_feature_maps(subject, layers, picture, most_maps), "feature_maps.svg");
    write_map_sheets(folder_out / "maps", layers);
    std::printf("%s/ (all maps of each layer)\n", (folder_out / "maps").c_str());
  }
  if (!gallery.images.empty())
    save(draw_exciting(gallery, layers[chosen], filters, strongest_answers(subject, gallery, chosen, filters, 9)), "exciting.svg");
  else
    std::printf("No data to look for what excites a filter: name it by --data or --images.\n");
  return 0;
}

}  // namespace tapestry::examples

int main(int argc, char** argv) try {
  return tapestry::examples::main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "look_inside: %s\n", error.what());
  return 1;
}
