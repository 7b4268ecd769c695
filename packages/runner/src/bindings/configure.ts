import type { Binding } from "@openworkers/core";
import { OpenWorkersError } from "@openworkers/core";
import type { Program } from "../cells/target.ts";
import type { BindingPlugin, CellBinding } from "./plugin.ts";
import { bindingPlugins } from "./plugins.ts";

/**
 * What a program's bindings are in its cell's configuration, by name.
 *
 * @throws OpenWorkersError INVALID_INPUT for a kind that this release does not have.
 */
export function configureBindings({ bindings, version }: Program): Map<string, CellBinding> {
  return new Map(
    [...bindings].map(([name, binding]) => [name, pluginOf(binding).configure(binding, version)]),
  );
}

function pluginOf(binding: Binding): BindingPlugin {
  const plugin = bindingPlugins.find(({ kind }) => kind === binding.kind);
  if (plugin === undefined) {
    throw new OpenWorkersError(
      "INVALID_INPUT",
      `This release has no bindings of the kind "${binding.kind}".`,
    );
  }
  // A plugin is only ever given bindings of its own kind, which the type of the list cannot say.
  return plugin as BindingPlugin;
}
