/** VS Code's interface of an adapter in this process, over a session. */
import * as vscode from 'vscode';
import { isDapMessage } from './dap';
import type { DebugSession } from './session';

export class InlineAdapter implements vscode.DebugAdapter {
  private readonly sent = new vscode.EventEmitter<vscode.DebugProtocolMessage>();
  readonly onDidSendMessage = this.sent.event;
  private readonly session: DebugSession;

  constructor(make: (send: (message: object) => void) => DebugSession) {
    this.session = make((message) => this.sent.fire(message));
  }

  handleMessage(message: vscode.DebugProtocolMessage): void {
    if (isDapMessage(message) && message.type === 'request') this.session.handle(message);
  }

  dispose(): void {
    this.session.dispose();
    this.sent.dispose();
  }
}
