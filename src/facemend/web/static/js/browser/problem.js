/** What goes wrong here, as the server would tell it: a code for the program, a line for people. */
export class Problem extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}
