using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Metering.Gateway.Hosting;

/// <summary>What a connection's requests, which come one after another, use again.</summary>
internal class ConnectionContext
{
    public DefaultHttpContext Http { get; } = new();
}

/// <summary>An application whose contexts live as long as their connection.</summary>
internal abstract class PerConnection<TContext> : IHttpApplication<TContext>
    where TContext : ConnectionContext, new()
{
    public TContext CreateContext(IFeatureCollection contextFeatures)
    {
        var container = contextFeatures as IHostContextContainer<TContext>;
        var context = container?.HostContext;
        if (context is null)
        {
            context = new TContext();
            if (container is not null)
                container.HostContext = context;
        }
        context.Http.Initialize(contextFeatures);
        return context;
    }

    public abstract Task ProcessRequestAsync(TContext context);

    public void DisposeContext(TContext context, Exception? exception) => context.Http.Uninitialize();
}
