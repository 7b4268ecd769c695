export { type Bundle, type BundleOptions, bundleProject } from "./bundle.ts";
export { bundler } from "./service.ts";
