export { type Bundle, type BundleOptions, bundleProject } from "./bundle.ts";
export { formatBytes } from "./size.ts";
