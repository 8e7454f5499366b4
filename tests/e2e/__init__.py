"""The program on real nodes: systemd, containerd and kubelet in namespaces, real images, the simulated cloud."""
