using System.Text.Json;
using Metering.Registry.Store;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Metering.Registry.Service;

/// <summary>The routes of Confluent's REST API that serdes, registry clients and operators use.</summary>
public static partial class RegistryEndpoints
{
    /// <summary>Maps the API onto a host, at its root or in a group. References, modes and deletes of subjects are not served yet.</summary>
    public static void MapRegistry(this IEndpointRouteBuilder endpoints, RegistryStore store, ILogger logger)
    {
        var subjects = new SubjectCalls(store, logger);
        var schemas = new SchemaCalls(store);
        var config = new ConfigCalls(store, logger);
        var compatibility = new CompatibilityCalls(store);
        void Map(string verb, string path, Func<RegistryCall, Task> answer) =>
            endpoints.MapMethods(path, [verb], (RequestDelegate)(http => AnswerAsync(http, answer, logger)));

        Map("GET", "/subjects", subjects.ListAsync);
        Map("GET", "/subjects/{subject}/versions", subjects.VersionsAsync);
        Map("GET", "/subjects/{subject}/versions/{version}", subjects.VersionAsync);
        Map("GET", "/subjects/{subject}/versions/{version}/schema", subjects.VersionTextAsync);
        Map("POST", "/subjects/{subject}/versions", subjects.RegisterAsync);
        Map("POST", "/subjects/{subject}", subjects.LookUpAsync);

        Map("GET", "/schemas/types", schemas.TypesAsync);
        Map("GET", "/schemas/ids/{id}", schemas.ByIdAsync);
        Map("GET", "/schemas/ids/{id}/schema", schemas.TextByIdAsync);
        Map("GET", "/schemas/ids/{id}/subjects", schemas.SubjectsAsync);
        Map("GET", "/schemas/ids/{id}/versions", schemas.VersionsAsync);

        Map("GET", "/config", config.GetGlobalAsync);
        Map("PUT", "/config", config.SetGlobalAsync);
        Map("DELETE", "/config", config.DeleteGlobalAsync);
        Map("GET", "/config/{subject}", config.GetAsync);
        Map("PUT", "/config/{subject}", config.SetAsync);
        Map("DELETE", "/config/{subject}", config.DeleteAsync);
        Map("GET", "/mode", config.ModeAsync);

        Map("POST", "/compatibility/subjects/{subject}/versions", compatibility.AllAsync);
        Map("POST", "/compatibility/subjects/{subject}/versions/{version}", compatibility.OneAsync);
    }

    private static async Task AnswerAsync(HttpContext http, Func<RegistryCall, Task> answer, ILogger logger)
    {
        var call = new RegistryCall(http);
        try
        {
            await answer(call);
        }
        catch (RegistryError error)
        {
            await call.FailAsync(error);
        }
        catch (BadHttpRequestException bad)
        {
            await call.FailAsync(RegistryError.Http(bad.StatusCode, bad.Message));
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client hung up: nobody is left to answer.
        }
        catch (Exception failure) when (!http.Response.HasStarted)
        {
            // The top of a request's loop: what we did not foresee (a full disk, a bug) is one answer, not the process.
            LogFailed(logger, http.Request.Method, http.Request.Path, failure);
            await call.FailAsync(new RegistryError(StatusCodes.Status500InternalServerError, 50001, $"Error in the registry's store: {failure.Message}"));
        }
    }

    [LoggerMessage(EventId = 8002, Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private static partial void LogFailed(ILogger logger, string method, PathString path, Exception failure);
}
