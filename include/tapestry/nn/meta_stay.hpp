// SPDX-License-Identifier: MIT
#pragma once

#include "../backend/meta/meta_backend.hpp"
#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI::detail {

/// Puts the tensors of a module on the meta device and the module into evaluation, and everything back at the end. A template, as the device is.
template <class = void>
class MetaStay {
 public:
  explicit MetaStay(Module& module) {
    remember_training(module);
    for_each_member(module, [&](const std::string&, AnyTensor& tensor, Member) { places_.emplace_back(&tensor, tensor); });
    for (auto& [place, original] : places_) *place = empty_any(original.dtype(), original.shape(), original.layout(), meta());
    module.eval();
  }
  ~MetaStay() {
    for (auto& [place, original] : places_) *place = original;
    for (auto& [module, training] : training_) module->train(training);  // a parent before its children, which then say otherwise
  }
  MetaStay(const MetaStay&) = delete;
  MetaStay& operator=(const MetaStay&) = delete;

 private:
  void remember_training(Module& module) {
    training_.emplace_back(&module, module.training());
    Members visit;
    visit.on_child = [this](std::string_view, Module& child) { remember_training(child); };
    module.members(visit);
  }
  std::vector<std::pair<AnyTensor*, AnyTensor>> places_;
  std::vector<std::pair<Module*, bool>> training_;
};

}  // namespace tapestry::inline TAPESTRY_ABI::detail
