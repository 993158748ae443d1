// The entry of a small program that may be built without a C library. On machines that trap the cpuid instruction the start of a
// C library costs more than all else that such a program does (measured in a virtual machine: 0.45 ms of 0.6;
// docs/adr/0006). Sanitizer and coverage builds need their run-time, and so a C library: there hosted.cpp calls the same
// function.
#pragma once

// Returns the exit status. `environment` ends with a null pointer.
int berth_program(int argument_count, char** arguments, char** environment);
