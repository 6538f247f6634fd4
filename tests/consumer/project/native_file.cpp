// SPDX-License-Identifier: MIT
#include "training_steps.hpp"

Losses losses_of_native_file() { return training_steps(); }
