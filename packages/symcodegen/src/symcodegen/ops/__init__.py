"""C for the Ops of symcore: importing a module registers what it holds, and ``c_impl`` imports it when it is needed."""
