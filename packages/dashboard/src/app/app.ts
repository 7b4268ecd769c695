import { ChangeDetectionStrategy, Component } from "@angular/core";
import { RouterOutlet } from "@angular/router";
import { ConfirmDialog } from "./ui/confirm.ts";
import { ToastList } from "./ui/toasts.ts";

@Component({
  selector: "ow-root",
  imports: [ConfirmDialog, RouterOutlet, ToastList],
  template: `<router-outlet /><ow-confirm /><ow-toasts />`,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class App {}
