// SPDX-License-Identifier: MIT
#include "training_steps.hpp"

Losses losses_of_serial_file() { return training_steps(); }
