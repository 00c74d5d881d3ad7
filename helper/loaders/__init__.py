"""Ways to bring a BPF program into the kernel: `libbpf` (CO-RE objects, compiled when the package was built)."""
