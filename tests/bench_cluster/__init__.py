"""What the writer of compatibility Secrets costs in a large cluster, on a real etcd and kube-apiserver."""
