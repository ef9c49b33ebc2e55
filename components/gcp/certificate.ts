/** Minutes in which Google issues a certificate whose domain points at the load balancer ("up to 60 minutes"). */
const issued = 60;

/**
 * A command that waits until `DOMAIN` is served by HTTPS with a valid certificate, and fails with the next step. It asks
 * the site itself, as a browser does: the certificate's state says nothing of the domain's record.
 *
 * It contains no single quotation marks, which the shell would interpret. This machine has no certificates.
 */
export const untilServedByHttps = `node -e '
  const { DOMAIN, ADDRESS, LOCAL_CLOUD, MINUTES = ${issued}, SECONDS = 15 } = process.env;
  const end = Date.now() + MINUTES * 60000;
  const ask = () => {
    const again = (error) => {
      if (Date.now() < end) return setTimeout(ask, SECONDS * 1000);
      console.error(
        "https://" + DOMAIN + " has no valid certificate after " + MINUTES + " minutes: " + error.message + ". HTTP goes on " +
        "serving the site. Let the A record of " + DOMAIN + " name " + ADDRESS + ", and run the same command again",
      );
      process.exitCode = 1;
    };
    const request = require("node:https").get("https://" + DOMAIN, { timeout: 10000, agent: false }, (answer) => answer.destroy());
    request.on("timeout", () => request.destroy(new Error("no answer"))).on("error", again);
    request.on("response", () => request.off("error", again).on("error", () => undefined));
  };
  if (DOMAIN !== "" && LOCAL_CLOUD === undefined) {
    console.log("Waiting until Google has issued the certificate of " + DOMAIN);
    ask();
  }
'`;
