//go:build tools

// Package kubernetes pins the kubelet that the tests run.
package kubernetes

import _ "k8s.io/kubernetes/cmd/kubelet"
