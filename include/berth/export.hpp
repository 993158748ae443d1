// What every header of berth's C++ interface shares: which symbols the library exports, and the namespace.
//
// Namespace. berth's own sources use the namespace `berth` for types with the same plain names (Error, Container). A program may
// hold both: this library, and berth's layers linked statically. Two types of one name would then break the one-definition rule
// without a word from the linker, so this interface is in `berth::api`, whose inline namespace carries the version of the binary
// interface: `berth::api::Container` is berth::api::v0::Container to the linker, and a program built for v0 doesn't load with a
// library that only has v1. Until berth 1.0 any release may raise it.
//
// Library. libberth.so.0 exports these names and nothing else. Types of the standard library cross its border, so it is linked
// with the shared libstdc++ that the program itself uses; C++23 (std::expected) is needed: GCC 12, or Clang 19 with libstdc++.
//
// Failures are values (result.hpp). The one exception that a function here can throw is std::bad_alloc.
#pragma once

#define BERTH_API __attribute__((visibility("default")))
