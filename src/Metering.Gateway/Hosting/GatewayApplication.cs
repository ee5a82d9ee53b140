using Metering.Gateway.Answers;
using Metering.Gateway.Exchanges;
using Metering.Gateway.Forwarding;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Gateway.Hosting;

/// <summary>Which path is whose.</summary>
internal sealed class GatewayApplication(ChatHandler chat, ModelsHandler models, ActiveExchanges active, ILogger log) : PerConnection<ConnectionContext>
{
    private const string Chat = "/v1/chat/completions";
    private const string Models = "/v1/models";

    public override Task ProcessRequestAsync(ConnectionContext context)
    {
        var http = context.Http;
        var path = http.Request.Path.Value!;
        if (string.Equals(path, Chat, StringComparison.Ordinal))
            return HttpMethods.IsPost(http.Request.Method) ? GuardedAsync(http, chat.HandleAsync) : RefuseAsync(http, ErrorAnswer.WrongMethod(http.Request.Method, path));
        if (string.Equals(path, Models, StringComparison.Ordinal) || (path.StartsWith(Models, StringComparison.Ordinal) && path.Length > Models.Length + 1 && path[Models.Length] == '/'))
            return HttpMethods.IsGet(http.Request.Method) ? GuardedAsync(http, models.HandleAsync) : RefuseAsync(http, ErrorAnswer.WrongMethod(http.Request.Method, path));
        return RefuseAsync(http, ErrorAnswer.UnknownUrl(http.Request.Method, path));
    }

    private static Task RefuseAsync(HttpContext http, ErrorAnswer answer) => answer.WriteAsync(http).AsTask();

    private async Task GuardedAsync(HttpContext http, Func<HttpContext, Task> handle)
    {
        active.Entered();
        try
        {
            await handle(http);
        }
        catch (Exception e)
        {
            // The request's top. Whoever has gone is no fault of ours.
            if (e is not (OperationCanceledException or ConnectionResetException or ConnectionAbortedException) || !http.RequestAborted.IsCancellationRequested)
                GatewayLog.Stumbled(log, e);
            http.Abort();
        }
        finally
        {
            active.Left();
        }
    }
}
