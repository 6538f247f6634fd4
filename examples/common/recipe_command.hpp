// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/error.hpp>
#include <tapestry/io/safetensors.hpp>

#include <CLI/CLI.hpp>
#include <charconv>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

namespace tapestry::examples {

/// A command line some of whose options decide the result of a run: these are its recipe, kept in the checkpoint and taken over when the
/// run is resumed.
class RecipeCommand {
 public:
  RecipeCommand(const std::string& description, const std::string& name) : app(description, name) {}
  RecipeCommand(const RecipeCommand&) = delete;  // the options refer to their values

  CLI::App app;
  int exit_code = 0;

  /// An option of the recipe: a text, a number or a list of numbers.
  template <class V>
  CLI::Option* decides(const std::string& name, V& value, const std::string& help) {
    entries_.push_back({name, [&value] { return to_text(value); }, [&value](const std::string& text) { from_text(text, value); }});
    CLI::Option* option = app.add_option("--" + name, value, help);
    return std::is_same_v<V, std::vector<Index>> ? option->delimiter(',') : option->capture_default_str();
  }

  /// A switch of the recipe.
  void decides_flag(const std::string& name, bool& value, const std::string& help) {
    entries_.push_back({name, [&value] { return std::string(value ? "yes" : "no"); }, [&value](const std::string& text) { value = text == "yes"; }});
    app.add_flag("--" + name, value, help);
  }

  /// Returns true if the program should go on; else exit_code is what it should return.
  bool parse(int argc, char** argv) {
    try {
      app.parse(argc, argv);
      return true;
    } catch (const CLI::ParseError& error) {
      exit_code = app.exit(error);
      return false;
    }
  }
  bool given(const std::string& name) const { return app.count("--" + name) > 0; }

  Metadata recipe() const {
    Metadata metadata;
    for (const Entry& entry : entries_) metadata.emplace_back(entry.name, entry.get());
    return metadata;
  }
  /// Takes the recipe of a checkpoint over; `epochs` may differ.
  /// Throws   ValueError naming the option if another one was given that contradicts it.
  void adopt(const Metadata& recipe) {
    for (const Entry& entry : entries_) {
      const auto has_name = [&](const auto& pair) { return pair.first == entry.name; };
      const auto saved = std::find_if(recipe.begin(), recipe.end(), has_name);
      if (saved == recipe.end()) throw ValueError(message("--resume: the checkpoint does not say its ", entry.name));
      if (given(entry.name) && entry.name == "epochs") continue;
      if (given(entry.name) && entry.get() != saved->second)
        throw ValueError(message("--", entry.name, ": the run to resume has ", saved->second, ", got ", entry.get(), "; leave the option out, or start a new run"));
      entry.set(saved->second);
    }
  }

 private:
  struct Entry {
    std::string name;
    std::function<std::string()> get;
    std::function<void(const std::string&)> set;
  };
  static std::string to_text(const std::string& value) { return value; }
  template <class N>
    requires std::is_arithmetic_v<N>
  static std::string to_text(N value) {
    return message(value);
  }
  static std::string to_text(const std::vector<Index>& values) {
    std::string text;
    for (const Index value : values) text += message(text.empty() ? "" : ",", value);
    return text;
  }
  static void from_text(const std::string& text, std::string& value) { value = text; }
  template <class N>
    requires std::is_arithmetic_v<N>
  static void from_text(const std::string& text, N& value) {
    std::from_chars(text.data(), text.data() + text.size(), value);
  }
  static void from_text(const std::string& text, std::vector<Index>& values) {
    values.clear();
    for (std::size_t at = 0; at < text.size(); at = std::min(text.find(',', at), text.size() - 1) + 1) values.push_back(std::stoll(text.substr(at)));
  }

  std::vector<Entry> entries_;
};

}  // namespace tapestry::examples
