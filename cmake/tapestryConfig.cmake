# SPDX-License-Identifier: MIT
# find_package(tapestry) gives tapestry::tapestry. Set TAPESTRY_OPENMP to OFF beforehand to go without OpenMP.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/tapestryTargets.cmake)

if(NOT DEFINED TAPESTRY_OPENMP OR TAPESTRY_OPENMP)
  find_package(OpenMP QUIET COMPONENTS CXX)
  if(OpenMP_CXX_FOUND)
    set_property(TARGET tapestry::tapestry APPEND PROPERTY INTERFACE_LINK_LIBRARIES OpenMP::OpenMP_CXX)
  endif()
endif()
