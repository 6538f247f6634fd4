// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "element_type.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The globals that a checkpoint's pickle may name and that mean something to this library. None of them runs code; every other global, and
/// `harmless` ones, become opaque values.
enum class TorchName : std::uint8_t {
  unknown,
  harmless,
  dict,                ///< OrderedDict and its like: called with nothing or with pairs
  list,                ///< set and its like: called with nothing or with a list
  tuple,               ///< torch.Size
  encode,              ///< _codecs.encode, Python 3's way to write bytes in protocol 2
  rebuild_tensor,      ///< (storage, first element, sizes, strides, ...)
  rebuild_tensor_v3,   ///< the same, the element type as the seventh
  rebuild_parameter,   ///< (tensor, requires_grad, hooks, ...)
  rebuild_from_type,   ///< (function, type, arguments, state): a subclass of Tensor
  new_object,          ///< copyreg.__newobj__(class, ...)
  reconstructor,       ///< copyreg._reconstructor(class, base, state)
  parameter,           ///< classes that wrap a tensor: Parameter, Buffer, Variable
  tensor,              ///< classes of tensors, built empty and given a storage afterwards
  storage,
  element_type
};

struct TorchGlobal {
  TorchName name = TorchName::unknown;
  const ElementType* type = nullptr;  ///< of storage, tensor and element_type
};

namespace detail {
inline constexpr std::pair<std::string_view, TorchName> torch_globals[] = {
    {"collections.OrderedDict", TorchName::dict},
    {"collections.defaultdict", TorchName::dict},
    {"builtins.dict", TorchName::dict},
    {"__builtin__.dict", TorchName::dict},
    {"builtins.set", TorchName::list},
    {"__builtin__.set", TorchName::list},
    {"builtins.frozenset", TorchName::list},
    {"__builtin__.frozenset", TorchName::list},
    {"builtins.list", TorchName::list},
    {"__builtin__.list", TorchName::list},
    {"torch.Size", TorchName::tuple},
    {"_codecs.encode", TorchName::encode},
    {"torch._utils._rebuild_tensor", TorchName::rebuild_tensor},
    {"torch._utils._rebuild_tensor_v2", TorchName::rebuild_tensor},
    {"torch._utils._rebuild_tensor_v3", TorchName::rebuild_tensor_v3},
    {"torch._utils._rebuild_parameter", TorchName::rebuild_parameter},
    {"torch._utils._rebuild_parameter_with_state", TorchName::rebuild_parameter},
    {"torch._tensor._rebuild_from_type_v2", TorchName::rebuild_from_type},
    {"copyreg.__newobj__", TorchName::new_object},
    {"copy_reg.__newobj__", TorchName::new_object},
    {"copyreg._reconstructor", TorchName::reconstructor},
    {"copy_reg._reconstructor", TorchName::reconstructor},
    {"torch.nn.parameter.Parameter", TorchName::parameter},
    {"torch.nn.Parameter", TorchName::parameter},
    {"torch.nn.parameter.Buffer", TorchName::parameter},
    {"torch.autograd.variable.Variable", TorchName::parameter},
    {"torch.autograd.Variable", TorchName::parameter},
    {"torch.Tensor", TorchName::tensor},
    {"torch._tensor.Tensor", TorchName::tensor},
    {"torch.tensor.Tensor", TorchName::tensor},
    {"builtins.object", TorchName::harmless},
    {"__builtin__.object", TorchName::harmless},
    {"torch.device", TorchName::harmless},
    {"torch.serialization._get_layout", TorchName::harmless}};

/// Storages and old tensor classes go by C's names of their elements.
inline constexpr std::pair<std::string_view, std::string_view> torch_element_names[] = {
    {"Float", "float32"},     {"Double", "float64"},      {"Half", "float16"},       {"BFloat16", "bfloat16"}, {"Long", "int64"},
    {"Int", "int32"},         {"Short", "int16"},         {"Char", "int8"},          {"Byte", "uint8"},        {"Bool", "bool"},
    {"Untyped", "uint8"},     {"ComplexFloat", "complex64"}, {"ComplexDouble", "complex128"}, {"QInt8", "qint8"},
    {"QUInt8", "quint8"},     {"QInt32", "qint32"},       {"QUInt4x2", "quint4x2"},  {"QUInt2x4", "quint2x4"}, {"UInt16", "uint16"},
    {"UInt32", "uint32"},     {"UInt64", "uint64"}};
}  // namespace detail

/// What a global of that module and name is. Storages and tensors of other devices are read to the CPU.
inline TorchGlobal find_torch_global(std::string_view module, std::string_view name) {
  const std::string full = message(module, '.', name);
  for (const auto& [known, meaning] : detail::torch_globals)
    if (full == known) return {meaning};
  if (module != "torch" && module != "torch.cuda" && module != "torch.storage") return {};
  for (const auto& [c_name, type] : detail::torch_element_names) {
    if (!name.starts_with(c_name)) continue;
    const std::string_view rest = name.substr(c_name.size());
    if (rest == "Storage") return {TorchName::storage, find_element_type(type)};
    if (rest == "Tensor") return {TorchName::tensor, find_element_type(type)};
  }
  if (module == "torch" && find_element_type(name)) return {TorchName::element_type, find_element_type(name)};
  return {};
}

}  // namespace tapestry::inline TAPESTRY_ABI
