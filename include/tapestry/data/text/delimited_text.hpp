// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

#include "utf8.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct DelimitedTextOptions {
  char separator = '\t';  ///< between columns; ',' for CSV
  bool quotes = false;    ///< whether "a, ""b""" is one column, a, "b", which may hold separators and line breaks, as in CSV
};

/// One record and where it began.
struct DelimitedRow {
  std::vector<std::string> columns;
  Index line = 0;  ///< counted from 1
};

/// Splits a text into records and columns. Empty lines are passed over; \r\n ends a line as \n does; a byte order mark is dropped.
/// `name` names the text in messages.
/// Throws   FileError naming line and column if a quote is not closed or followed by anything but a separator.
/// Source   RFC 4180.
inline std::vector<DelimitedRow> parse_delimited(std::string_view text, std::string_view name, const DelimitedTextOptions& options = {}) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<DelimitedRow> rows;
  Index line = 1;
  for (std::size_t at = 0; at < text.size(); ++line) {
    DelimitedRow row{{}, line};
    for (bool more = true; more;) {
      std::string column;
      const Index number = static_cast<Index>(row.columns.size()) + 1;
      if (options.quotes && at < text.size() && text[at] == '"') {
        const Index begin = line;
        for (++at;; ++at) {
          if (at == text.size()) throw FileError(message(name, ": line ", begin, ", column ", number, ": expects a closing quote"));
          if (text[at] == '"' && (at + 1 == text.size() || text[at + 1] != '"')) break;
          if (text[at] == '"') ++at;
          if (text[at] == '\n') ++line;
          column += text[at];
        }
        ++at;
        if (at < text.size() && text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n') ++at;
        if (at < text.size() && text[at] != options.separator && text[at] != '\n')
          throw FileError(message(name, ": line ", line, ", column ", number, ": expects a separator after the closing quote"));
      } else {
        const std::size_t end = std::min(text.find_first_of(std::string{options.separator, '\n'}, at), text.size());
        column = text.substr(at, end - at);
        at = end;
        if ((at == text.size() || text[at] == '\n') && column.ends_with('\r')) column.pop_back();
      }
      row.columns.push_back(std::move(column));
      more = at < text.size() && text[at] == options.separator;
      ++at;  // over the separator or the line break
    }
    if (row.columns.size() > 1 || !row.columns[0].empty()) rows.push_back(std::move(row));
  }
  return rows;
}

/// Texts, each with the number of its label.
struct LabelledTexts {
  std::vector<std::string> texts;
  std::vector<Index> labels;
  std::vector<std::string> classes;  ///< the labels' names
  std::vector<Index> lines;          ///< where each stood, counted from 1
  Index replaced = 0;                ///< invalid pieces of UTF-8, which are now U+FFFD
};

struct LabelledTextOptions {
  DelimitedTextOptions format{};
  Index text_column = 1, label_column = 2;  ///< counted from 1
  std::vector<std::string> classes{};       ///< the labels that are allowed, in their order; empty: those that the text holds, sorted
};

/// Reads text and label from each record of a text.
/// Throws   FileError if there is no record, and naming line and column if a column is missing or empty or a label is not among the classes.
inline LabelledTexts parse_labelled_texts(std::string_view content, std::string_view name, const LabelledTextOptions& options = {}) {
  for (const Index column : {options.text_column, options.label_column})
    if (column < 1) throw ValueError(message("labelled texts: columns must be counted from 1, got ", column));
  LabelledTexts data;
  std::vector<std::string> labels;
  for (DelimitedRow& row : parse_delimited(content, name, options.format)) {
    const auto column = [&](Index number, const char* what) -> std::string& {
      const Index count = static_cast<Index>(row.columns.size());
      if (number > count)
        throw FileError(message(name, ": line ", row.line, ": expects the ", what, " in column ", number, ", but there ",
                                count == 1 ? "is 1 column" : message("are ", count, " columns")));
      std::string& found = row.columns[static_cast<std::size_t>(number - 1)];
      if (found.empty()) throw FileError(message(name, ": line ", row.line, ", column ", number, ": the ", what, " must not be empty"));
      return found;
    };
    const std::string& text = column(options.text_column, "text");
    const std::string& label = column(options.label_column, "label");
    if (!options.classes.empty() && std::find(options.classes.begin(), options.classes.end(), label) == options.classes.end())
      throw FileError(message(name, ": line ", row.line, ", column ", options.label_column, ": label '", label, "' is none of the ",
                              options.classes.size(), " known ones"));
    std::string clean;
    for (const char32_t character : decode_utf8(text, &data.replaced)) clean += encode_utf8(character);
    data.texts.push_back(std::move(clean));
    labels.push_back(label);
    data.lines.push_back(row.line);
  }
  if (data.texts.empty()) throw FileError(message(name, ": expects lines of text and label, but there are none"));
  data.classes = options.classes;
  if (data.classes.empty()) {
    data.classes = labels;
    std::sort(data.classes.begin(), data.classes.end());
    data.classes.erase(std::unique(data.classes.begin(), data.classes.end()), data.classes.end());
  }
  for (const std::string& label : labels)
    data.labels.push_back(std::find(data.classes.begin(), data.classes.end(), label) - data.classes.begin());
  return data;
}

/// The whole of a file.
/// Throws   FileError if it cannot be read.
inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file.is_open() || file.bad()) throw FileError(message("cannot read ", path));
  return text;
}
/// parse_labelled_texts of a file.
inline LabelledTexts read_labelled_texts(const std::string& path, const LabelledTextOptions& options = {}) {
  return parse_labelled_texts(read_text(path), path, options);
}

}  // namespace tapestry::inline TAPESTRY_ABI
