// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/backend/device.hpp>

#include <algorithm>
#include <initializer_list>
#include <vector>

/// An array in a device's memory, for tests that call primitives directly.
template <class T>
class DeviceArray {
 public:
  DeviceArray(tapestry::Device device, tapestry::Index count)
      : memory_(device.memory()), count_(static_cast<std::size_t>(count)), data_(static_cast<T*>(memory_.allocate(bytes()))) {}
  DeviceArray(tapestry::Device device, const std::vector<T>& values) : DeviceArray(device, static_cast<tapestry::Index>(values.size())) {
    set(values);
  }
  DeviceArray(tapestry::Device device, std::initializer_list<T> values) : DeviceArray(device, std::vector<T>(values)) {}
  ~DeviceArray() { memory_.deallocate(data_, bytes()); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return data_; }

  void set(const std::vector<T>& values) {
    std::vector<unsigned char> raw(bytes());  // by way of bytes, because std::vector<bool> has no array inside
    for (std::size_t i = 0; i < count_; ++i) {
      const T value = values.at(i);
      std::copy_n(reinterpret_cast<const unsigned char*>(&value), sizeof(T), raw.data() + i * sizeof(T));
    }
    memory_.copy_from_host(data_, raw.data(), bytes());
  }
  std::vector<T> get() const {
    std::vector<unsigned char> raw(bytes());
    memory_.copy_to_host(raw.data(), data_, bytes());
    std::vector<T> values;
    for (std::size_t i = 0; i < count_; ++i) {
      T value;
      std::copy_n(raw.data() + i * sizeof(T), sizeof(T), reinterpret_cast<unsigned char*>(&value));
      values.push_back(value);
    }
    return values;
  }

 private:
  std::size_t bytes() const { return count_ * sizeof(T); }

  tapestry::DeviceMemory& memory_;
  std::size_t count_;
  T* data_;
};
