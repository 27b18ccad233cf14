"""The lab's own programs: the HTTP API (`app`) and the queue worker (`worker`). They import nothing of the house."""
