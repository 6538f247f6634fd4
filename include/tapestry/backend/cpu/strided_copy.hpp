// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstring>

#include "../../core/shape.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// Axes of a copy, in the order of the walk.
struct CopyWalk {
  Shape size, from, to;
};

/// The same copy with as few axes as possible: axes ordered so that writing goes forward, those of size 1 dropped, neighbours that
/// lie one behind the other on both sides joined. The last two axes are those that the inner loops walk: the last is
/// where writing is contiguous, the one before it where reading is.
inline CopyWalk simplified(const CopyWalk& walk) {
  const auto distance = [](Index stride) { return stride < 0 ? -stride : stride; };
  CopyWalk sorted;
  for (Index axis = 0; axis < walk.size.rank(); ++axis) {
    if (walk.size[axis] == 1) continue;
    Index at = sorted.size.rank();
    while (at > 0 && distance(sorted.to[at - 1]) < distance(walk.to[axis])) --at;
    sorted.size.insert(at, walk.size[axis]);
    sorted.from.insert(at, walk.from[axis]);
    sorted.to.insert(at, walk.to[axis]);
  }
  CopyWalk w;
  for (Index axis = 0; axis < sorted.size.rank(); ++axis) {
    const Index last = w.size.rank() - 1, size = sorted.size[axis];
    if (last >= 0 && w.from[last] == size * sorted.from[axis] && w.to[last] == size * sorted.to[axis]) {
      w.size[last] *= size;
      w.from[last] = sorted.from[axis];
      w.to[last] = sorted.to[axis];
    } else {
      w.size.push_back(size), w.from.push_back(sorted.from[axis]), w.to.push_back(sorted.to[axis]);
    }
  }
  while (w.size.rank() < 2) w.size.insert(0, 1), w.from.insert(0, 0), w.to.insert(0, 0);
  Index nearest = w.size.rank() - 2;
  for (Index axis = nearest; axis >= 0; --axis)
    if (distance(w.from[axis]) < distance(w.from[nearest])) nearest = axis;
  for (Shape* strides : {&w.size, &w.from, &w.to}) {
    const Index value = (*strides)[nearest];
    strides->erase(nearest);
    strides->insert(strides->rank() - 1, value);
  }
  return w;
}

/// to[r*to_row + c*to_column] = from[...] for one plane; in blocks of 16 x 16, so that neither side jumps about in memory.
template <class U>
void copy_plane(Index rows, Index columns, const U* from, Index from_row, Index from_column, U* to, Index to_row, Index to_column) {
  if (from_column == 1 && to_column == 1) {
    for (Index r = 0; r < rows; ++r) std::memcpy(to + r * to_row, from + r * from_row, static_cast<std::size_t>(columns) * sizeof(U));
    return;
  }
  constexpr Index block = 16;
  for (Index r0 = 0; r0 < rows; r0 += block)
    for (Index c0 = 0; c0 < columns; c0 += block) {
      const Index r1 = std::min(rows, r0 + block), c1 = std::min(columns, c0 + block);
      for (Index r = r0; r < r1; ++r) {
        const U* source = from + r * from_row;
        U* target = to + r * to_row;
        for (Index c = c0; c < c1; ++c) target[c * to_column] = source[c * from_column];
      }
    }
}

/// copy_plane by element size; offsets are in elements. Code that moves bytes needs no more types than these three.
inline void copy_plane(std::size_t element_size, Index rows, Index columns, const void* from, Index from_offset, Index from_row,
                       Index from_column, void* to, Index to_offset, Index to_row, Index to_column) {
  const auto copy = [&]<class U>(U*) {
    copy_plane(rows, columns, static_cast<const U*>(from) + from_offset, from_row, from_column, static_cast<U*>(to) + to_offset, to_row,
               to_column);
  };
  if (element_size == 1) return copy(static_cast<std::uint8_t*>(nullptr));
  if (element_size == 4) return copy(static_cast<std::uint32_t*>(nullptr));
  copy(static_cast<std::uint64_t*>(nullptr));
}

inline void strided_copy(std::size_t element_size, const Shape& shape, const void* from, const Shape& from_stride, void* to,
                         const Shape& to_stride) {
  if (shape.numel() == 0) return;
  const CopyWalk w = simplified({shape, from_stride, to_stride});
  const Index last = w.size.rank() - 1, rows = w.size[last - 1], columns = w.size[last];
  const Index band = std::clamp<Index>(16384 / columns / 16 * 16, 16, std::max<Index>(16, rows));  // rows of a unit of work
  const Index bands = (rows + band - 1) / band, planes = shape.numel() / (rows * columns);
  parallel_for(planes * bands, std::max<Index>(1, 16384 / (std::min(band, rows) * columns)), [&](Index begin, Index end) {
    for (Index unit = begin; unit < end; ++unit) {
      const Index row = unit % bands * band;
      Index plane = unit / bands, from_at = row * w.from[last - 1], to_at = row * w.to[last - 1];
      for (Index axis = last - 2; axis >= 0; --axis) {
        from_at += plane % w.size[axis] * w.from[axis];
        to_at += plane % w.size[axis] * w.to[axis];
        plane /= w.size[axis];
      }
      copy_plane(element_size, std::min(band, rows - row), columns, from, from_at, w.from[last - 1], w.from[last], to, to_at,
                 w.to[last - 1], w.to[last]);
    }
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
