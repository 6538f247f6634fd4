// SPDX-License-Identifier: MIT
// The one place where stb_image's code is compiled: PNG and JPEG only, with messages for people.
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_FAILURE_USERMSG
#include <stb/stb_image.h>
