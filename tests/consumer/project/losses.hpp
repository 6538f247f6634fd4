// SPDX-License-Identifier: MIT
#pragma once

#include <array>

using Losses = std::array<float, 4>;

Losses losses_of_native_file();
Losses losses_of_serial_file();
