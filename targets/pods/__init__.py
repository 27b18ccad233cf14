"""Pods of a Kubernetes cluster, somebody's own or a lab's on kind."""
