// SPDX-License-Identifier: MIT
#include "zoo_model.hpp"

#include <tapestry/models/pretrained.hpp>

#include "cifar10.hpp"
#include "fetch_weights.hpp"
#include "imagenet_classes.hpp"

namespace tapestry::examples {

std::vector<std::string> zoo_names() { return model_names(); }
std::unique_ptr<Layer<>> make_zoo_model(const std::string& name) { return make_model(name); }

namespace detail {
/// The last weight of a model, that of its head: its name, and how many classes it has.
inline std::pair<std::string, Index> head_of(Module& net) {
  std::pair<std::string, Index> head;
  for (const auto& [name, parameter] : named_parameters(net))
    if (parameter.rank() > 1) head = {name, parameter.dim(0)};
  return head;
}
inline std::vector<std::string> default_classes(std::string_view model, Index count) {
  if (count == 1000) return {std::begin(imagenet_classes), std::end(imagenet_classes)};
  if (count == 10 && is_cifar_resnet(model)) return cifar10_classes();
  std::vector<std::string> names;
  for (Index i = 0; i < count; ++i) names.push_back(message("class ", i));
  return names;
}
}  // namespace detail

ZooModel load_zoo_model(const ZooChoice& choice) {
  const init::Skip skip;
  ModelOptions options{.transform_input = choice.transform_input};
  ZooModel model;
  model.net = make_model(choice.model, options);  // refuses an unknown name first
  const bool named = choice.weights.empty() || choice.weights == "imagenet_v1" || choice.weights == "imagenet_v2";
  const Weights weights = choice.weights == "imagenet_v2" ? Weights::imagenet_v2 : Weights::imagenet_v1;
  std::string path = choice.weights;
  if (named) {
    if (is_cifar_resnet(choice.model)) throw ValueError(message("--weights: a file is needed, as no weights of ", choice.model, " are published"));
    if (choice.download) download_missing_weights(choice.progress);
    path = weights_path(find_published(choice.model, weights));
    options.transform_input = true;
  } else if (const std::string hash = hash_in_name(path); !hash.empty()) {
    if (const std::string sum = sha256_of_file(path); !sum.starts_with(hash))
      std::fprintf(stderr, "Warning: %s: by its name its SHA-256 begins with %s, but it is %s\n", path.c_str(), hash.c_str(), sum.c_str());
  }
  WeightFile file = read_weights(path);
  const auto [head, count] = detail::head_of(*model.net);
  const AnyTensor* own = find(file.tensors, head);
  options.num_classes = own && own->rank() > 1 ? own->dim(0) : count;
  if (options.num_classes != count || options.transform_input != choice.transform_input) model.net = make_model(choice.model, options);
  const NamedTensors state = state_dict(*model.net);
  std::erase_if(file.tensors, [&](const auto& entry) {  // trained with an auxiliary head that this model lacks
    return entry.first.starts_with("AuxLogits.") && !find(state, entry.first);
  });
  try {
    load_state_dict(*model.net, file.tensors);
  } catch (const ValueError& error) {
    throw ValueError(message(path, ": no weights of ", choice.model, ": ", error.what()));
  }
  model.net->eval();
  model.preparation = preparation_for(choice.model, named ? weights : Weights::imagenet_v1);
  if (const std::string_view crop = find(file.metadata, "crop"); !crop.empty()) {
    model.preparation.crop = std::stoll(std::string(crop));
    model.preparation.resize = std::stoll(std::string(find(file.metadata, "resize")));
  }
  model.classes = !choice.labels.empty() ? read_lines(choice.labels) : split_at_commas(find(file.metadata, "classes"));
  if (model.classes.empty()) model.classes = detail::default_classes(choice.model, options.num_classes);
  if (static_cast<Index>(model.classes.size()) != options.num_classes)
    throw ValueError(message(choice.labels.empty() ? path : "--labels", ": class names must be ", options.num_classes, " as the model has classes, got ",
                             model.classes.size()));
  return model;
}

}  // namespace tapestry::examples
