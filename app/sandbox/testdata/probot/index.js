// The App of Probot's README: it greets each new issue.
export default (app) => {
  app.on("issues.opened", async (context) => {
    const issueComment = context.issue({
      body: "Thanks for opening this issue!",
    });
    return context.octokit.rest.issues.createComment(issueComment);
  });
};
